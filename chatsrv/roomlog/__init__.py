"""What was said, in order. `base` is the contract; `memory` and `sqlite` keep it."""
