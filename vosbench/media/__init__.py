"""Read and write video files, and draw masks on frames."""
