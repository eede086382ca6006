"""One softmax over all label sequences: linear-chain conditional random fields."""
