select o.order_id, o.customer_id, o.day, sum(p.cents) as cents
from {{ ref('stg_orders') }} as o
join {{ ref('payments') }} as p on p.order_id = o.order_id
group by o.order_id, o.customer_id, o.day
