"""Methods that change what is trained on: a module here declares its own as METHOD, several as METHODS."""
