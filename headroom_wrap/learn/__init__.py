"""What agents did, read from their transcripts; what failed and what worked, mined from it; corrections, written."""
