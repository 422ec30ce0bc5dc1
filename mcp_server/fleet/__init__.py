"""How many machines answer together: what runs where on Ray, who asks whom, what a reply says is missing."""
