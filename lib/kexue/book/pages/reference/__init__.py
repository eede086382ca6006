"""The reference of the library: what it holds, its entries, and the links between chapters and entries."""
