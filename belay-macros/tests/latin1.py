x = 1
return "é"
