"""What a page makes the browser load, and how it is made less."""
