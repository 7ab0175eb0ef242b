"""Which kernels an object can work on, told without booting one."""
