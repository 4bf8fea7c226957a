"""One commit's way to live: the queue, the image, the pipeline, how a release takes over, rollback, the first minute."""
