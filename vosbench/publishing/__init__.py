"""What is made of finished results for others: comparisons, published numbers, submissions."""
