"""The join: a project's objects on the kernels of a run."""
