print("this is never built")
