package main

func (t tables) markdown() string { return "" }
