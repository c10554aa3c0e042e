"""Statistics on the host: intervals over streams, confidence sequences, scoring rules for predictions."""
