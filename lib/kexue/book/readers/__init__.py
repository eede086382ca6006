"""Readers' notebooks: chapters as every notebook front end can show them, written from what Sphinx has resolved."""
