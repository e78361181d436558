"""Commerce: what people and firms pay to have shown."""
