package embedded

// private: the folder for temporary files is each user's own here.
func private(string) error { return nil }
