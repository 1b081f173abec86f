"""What training methods add to the loss: torch modules, imported when a training begins."""
