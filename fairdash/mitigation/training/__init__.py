"""Methods that change the loss: a module here declares its own as METHOD, several as METHODS."""
