def hit(id):pass
def add(id,a,b):return a+b
def size(id,t):return len(t),t[-3:]
def fail(id,n):raise ValueError(n)
def items(id,n,p):
 for i in range(n):yield id*1000000+i
