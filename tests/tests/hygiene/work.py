# Adds up.
total = 0
for i in range(amount):
    total += i  # one after the other
return total
