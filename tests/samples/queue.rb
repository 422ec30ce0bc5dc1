# frozen_string_literal: true

require "json"
require "set"
require "time"

module Library
  # Reservations of books: whoever waits longest gets the next copy, unless a course needs it.
  class ReservationQueue
    include Enumerable

    PRIORITIES = %i[course reader staff].freeze
    HOLD_DAYS = 7
    NOTICE = <<~TEXT
      Dear %<name>s,
      "%<title>s" waits for you until %<date>s. Bis bald in der Bücherei, und bringen Sie bitte Ihren Ausweis mit – danke!
    TEXT

    Reservation = Struct.new(:reader, :title, :priority, :since, :notified_at, keyword_init: true) do
      def <=>(other)
        rank <=> other.rank
      end

      def rank
        [PRIORITIES.index(priority), since]
      end

      def expired?(now)
        !notified_at.nil? && now - notified_at > HOLD_DAYS * 86_400
      end
    end

    # Raised when a reader asks for a book twice.
    class AlreadyWaiting < StandardError
      attr_reader :reservation

      def initialize(reservation)
        @reservation = reservation
        super("#{reservation.reader} already waits for #{reservation.title}")
      end
    end

    attr_reader :dead
    attr_accessor :clock

    class << self
      def load(path, **options)
        rows = JSON.parse(File.read(path, encoding: "UTF-8"), symbolize_names: true)
        rows.each_with_object(new(**options)) do |row, queue|
          queue.push(row[:reader], row[:title], priority: row.fetch(:priority, "reader").to_sym)
        end
      end
    end

    def self.names
      PRIORITIES.map(&:to_s)
    end

    def initialize(notifier:, clock: Time)
      @notifier = notifier
      @clock = clock
      @waiting = Hash.new { |hash, title| hash[title] = [] }
      @dead = Set.new
    end

    PRIORITIES.each do |priority|
      define_method(:"push_#{priority}") do |reader, title|
        push(reader, title, priority: priority)
      end
    end

    # @param reader [String]
    # @param title [String]
    # @return [Integer] the place in line, from one
    def push(reader, title, priority: :reader)
      raise ArgumentError, "unknown priority #{priority}" unless PRIORITIES.include?(priority)

      line = @waiting[title]
      known = line.find { |other| other.reader == reader }
      raise AlreadyWaiting, known if known

      line << Reservation.new(reader: reader, title: title, priority: priority, since: clock.now)
      line.sort!.index { |other| other.reader == reader } + 1
    end

    def each(&block)
      return enum_for(:each) unless block

      @waiting.each_value { |line| line.each(&block) }
    end

    # A copy came back: tell the first in line, and pass over those who let theirs expire.
    def returned(title)
      now = clock.now
      expired, line = @waiting[title].partition { |reservation| reservation.expired?(now) }
      @dead.merge(expired)
      @waiting[title] = line
      first = line.first or return
      begin
        @notifier.call(first.reader, format(NOTICE, name: first.reader, title: title, date: (now + HOLD_DAYS * 86_400).to_date))
        first.notified_at = now
      rescue IOError, SystemCallError => e
        warn "could not tell #{first.reader}: #{e.message}"
        retry if (tries = (tries || 0) + 1) < 3
      ensure
        compact!
      end
      first
    end

    def größe = sum { 1 }
    alias_method :size, :größe

    private

    def compact!
      @waiting.delete_if { |_title, line| line.empty? }
    end
  end
end
