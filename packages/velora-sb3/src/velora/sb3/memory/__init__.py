"""What algorithms with memory share: sequences, rollouts, masks, evaluation."""
