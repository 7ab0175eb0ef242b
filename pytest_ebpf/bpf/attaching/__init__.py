"""From the settings of an attachment to a program that the kernel calls, or to why it does not."""
