"""A stage: up to six people over WebRTC, mixed into one picture and one sound that are a stream's source."""
