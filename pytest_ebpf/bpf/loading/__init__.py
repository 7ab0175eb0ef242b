"""Getting an object into a kernel, or saying why it was refused."""
