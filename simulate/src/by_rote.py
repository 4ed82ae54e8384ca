from time import sleep
def hit(id):pass
def add(id,a,b):return a+b
def size(id,t):return len(t),t[-3:]
def numbers(id,n):return [i+id for i in range(n)]
def data(id,n):return bytes((i+id)&255 for i in range(n))
def array(id,n):return bytearray(data(id,n))
def fail(id,n):raise ValueError(n)
def spin(id,n):
 sleep(n/1000)
 return n
def say(id,n):
 for i in range(n):print("<%d:%d>"%(id,i))
 return n
def ask(id,n,slow):
 total=0
 for nth in range(n):
  try:total+=twice(id,nth,slow)
  except HostError as error:total+=int(str(error))
 return total
def asked(id,n,slow):
 for nth in range(n):yield plain(id,nth,slow)
def emit(id,n):
 for i in range(n):one(id*1000+i)
 return n
def items(id,n,p):
 for i in range(n):
  b=bytes((j+i)&255 for j in range(60+i%90))
  yield b if i%11==5 else bytearray(b) if i%11==8 else id*1000000+i
class Thing:
 def __init__(self,name):self.name=name
 def ask(self,id):return self.name
def things(id,n):return [Thing(id*1000+i) for i in range(n)]
def each(id,n):
 for thing in things(id,n):yield thing
