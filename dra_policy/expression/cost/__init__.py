"""What expressions cost, in the units of the API server (rule D7): estimated for any device, and met on one."""
