"""Methods that change user vectors after training: a module here declares its own as METHOD, several as METHODS."""
