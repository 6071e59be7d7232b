"""Track any video from clicks, boxes or masks, and write what came of it."""
