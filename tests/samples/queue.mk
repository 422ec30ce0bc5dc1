# The depot's nightly tasks.
RAMP ?= 4
SCALES := $(wildcard scales/*.csv)
export DEPOT = harbour

.PHONY: all weigh
all: weigh report

# Weighs every parcel again, and stops when a scale does not answer.
weigh: $(SCALES:.csv=.sum)
	@test -n "$(SCALES)" || { echo "no scale answers"; exit 1; }
	cat $^ > build/weights.txt

%.sum: %.csv | build
	awk -F, '{ kilos += $$2 } END { print FILENAME, kilos }' $< > $@

build report-folder:
	mkdir -p $@

define letter
Dear sender, your parcel $(1) waits at ramp $(RAMP).
endef

# Sends the sums to the office before the first van leaves.
report:: weigh
	mail -s "Weights of $(DEPOT)" office@example.org < build/weights.txt
