"""What is drawn from measurements that are committed: figures, tables, and numbers inside of sentences."""
