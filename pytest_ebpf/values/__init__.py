"""Values by BTF: what the bytes of a type mean in Python, and back."""
