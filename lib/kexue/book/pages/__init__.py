"""What Sphinx makes of the executed chapters: cells, cards, tables, numbers, and what a page loads."""
