"""What happens in a service, one event at a time: the log, the windows over it, and the audit that keeps up."""
