"""What a test holds: loaded objects, their programs and maps, and values by BTF."""
