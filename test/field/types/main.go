// Reads bodies of events from its input, one a line, as the generated types, and prints how many of each it read.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"example.com/receiver/events"
)

type envelope struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	APIVersion string          `json:"api_version"`
	Timestamp  string          `json:"timestamp"`
	TenantID   string          `json:"tenant_id"`
	Test       bool            `json:"test"`
	Subject    *string         `json:"subject"`
	Sequence   *int64          `json:"sequence"`
	Data       json.RawMessage `json:"data"`
}

var types = map[string]func() any{
	"agent.paused":         func() any { return new(events.AgentPausedJson) },
	"agent.status_changed": func() any { return new(events.AgentStatusChangedJson) },
	"ai_agent.completed":   func() any { return new(events.AiAgentCompletedJson) },
	"call.answered":        func() any { return new(events.CallAnsweredJson) },
	"call.created":         func() any { return new(events.CallCreatedJson) },
	"call.ended":           func() any { return new(events.CallEndedJson) },
	"call.recorded":        func() any { return new(events.CallRecordedJson) },
	"call.transferred":     func() any { return new(events.CallTransferredJson) },
	"ivr.completed":        func() any { return new(events.IvrCompletedJson) },
	"queue.abandoned":      func() any { return new(events.QueueAbandonedJson) },
	"queue.entered":        func() any { return new(events.QueueEnteredJson) },
	"transcript.completed": func() any { return new(events.TranscriptCompletedJson) },
	"transcript.segment":   func() any { return new(events.TranscriptSegmentJson) },
}

func main() {
	counts := map[string]int{}
	failed := false
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var event envelope
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			fmt.Fprintf(os.Stderr, "envelope: %v\n", err)
			os.Exit(1)
		}
		if err := json.Unmarshal(event.Data, types[event.Type]()); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s\n", event.Type, err, event.Data)
			failed = true
			continue
		}
		counts[event.Type]++
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		failed = true
	}
	if failed {
		os.Exit(1)
	}
	text, _ := json.Marshal(counts)
	fmt.Println(string(text))
}
