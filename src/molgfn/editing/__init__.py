"""Given objects changed a little, for the better: walks along their construction, and what they are compared with."""
