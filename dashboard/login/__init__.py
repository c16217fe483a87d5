"""Login and roles of a server that several people share; without its configuration nothing of it is on."""
