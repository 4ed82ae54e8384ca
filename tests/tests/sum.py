total = 0
for i in range(amount):
    total += i
return total
