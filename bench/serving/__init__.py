"""What whoever asks a trained model waits for: answers, and reading the questions from files."""
