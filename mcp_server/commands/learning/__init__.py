"""The commands that teach a repository: learn, the steps it is made of, and which versions serve."""
