"""Language models, and sentences drawn from them exactly or edited word by word."""
