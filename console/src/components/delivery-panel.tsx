export function DeliveryPanel({ deliveryId, onClose }: { deliveryId: string; onClose(): void }) {
  return (
    <aside aria-label="Delivery" className="w-[560px] shrink-0 border-l border-line bg-surface max-xl:w-[460px]">
      <button type="button" onClick={onClose}>
        {deliveryId}
      </button>
    </aside>
  )
}
