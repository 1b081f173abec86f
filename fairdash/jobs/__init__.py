"""Work in processes of its own: what a job can be, the table of them, who starts and stops them."""
