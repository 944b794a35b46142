"""Works off the questions in Kafka, slowly as a model does, and gives the answers to whoever asks for them."""
