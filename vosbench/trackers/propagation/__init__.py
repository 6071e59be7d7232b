"""What the trackers of the STM family share: frames, soft aggregation, the decoder, and the loop over a video."""
