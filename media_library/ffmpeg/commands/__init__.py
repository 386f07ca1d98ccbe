"""ffmpeg's arguments, as data: pure functions, one module for each purpose. Paths are absolute, and named as files, whatever they hold."""
