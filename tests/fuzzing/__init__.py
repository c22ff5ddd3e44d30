"""Files that somebody made to harm: what is fuzzed, how, and what was found."""
