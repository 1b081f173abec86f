"""Methods that change the lists: a module here declares its own as METHOD, several as METHODS."""
