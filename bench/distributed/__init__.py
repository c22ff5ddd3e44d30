"""What several processes, or machines, cost and save: shards of labels."""
