"""What happens to a batch of records: loaded exactly once, judged anew, scored anew."""
